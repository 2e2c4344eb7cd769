"""Words for `people_voices.py` to say, which `digits-en` is to refuse."""

from __future__ import annotations

# Common words beside those of sutja.negatives. No digit, nothing that is said as one (to, won, ate), and none of
# `yes no up down know`: bench/voices.py measures how well words are refused that were not learned from.
MORE_WORDS = """
able about above accept across act actor add afraid after again age ago agree air all allow almost alone along also
among amount and anger animal any appear apply area argue arm army around arrive art ask attack aunt avoid away baby
back bad bag ball bank bar base basket bath battle beach bear beat because become before begin behind believe bell
below belt bench best better between big bill bit bite block blood blow board boat body bone book boot born both bottle
bottom box boy brain branch bread break breakfast bridge bright bring build burn bus business busy butter button buy
cake can candle car card care carry case catch cause center chain chair chance change cheap check cheese chicken chief
child choose church circle city class clean clear climb clock cloth cloud coat cold collect come common cook cool copy
corner cost cotton could count country course court cover cow cross crowd cry cup curtain cut damage dance dark date
daughter day dead deal dear death decide deep delay depend desk detail die different dinner direction dirty discover
dish divide do doctor dollar double doubt draw dream dress drink drop dry dust duty each ear early earth east easy eat
edge effect egg either empty end enemy engine enjoy enough enter equal even event ever every evil example except excuse
exercise expect eye face fact factory fail fair faith fall family famous far farm fast fat favor fear feed feel few
field fight figure fill film find finger finish fire first fish flag flat floor flour flower fly fold foreign forest
forget forgive form forward frame free fresh friend front fruit full funny future game gas gather general gentle get
gift girl give glad glass goal goat god gold good grain grass great ground group grow guess guest guide gun hair half
hall hammer hand hang hard hat hate have head health hear heart heat heavy help her here hide high hill him history hit
hold hole holiday honest hope horse hot hotel hour how human hurry hurt husband ice idea if ill inch include inside
iron jaw jewel job join joke journey judge juice jump just keep key kick kill kind king kiss knee knife knock lady lamp
land language large last laugh law lay lazy lead leaf lean least leave leg lemon lend less lesson let level library lie
life lift like limit line lion lip list listen little lock long look lose lot loud love low luck lunch machine main
make man many map mark market marry match matter may me meal mean measure meat medicine meet member mention method
middle might mile milk mill mind mine minute miss mistake modern moment money month more morning most motor mouth move
much mud murder must name narrow nation nature near neck need needle neighbor neither nest net noise none noon nor north
nose note now nurse nut obey object offer office oil old once only onion open or order other our out outside oven own
page pain paint pair pan paper parent park part party pass past path pay peace pen pencil pepper perhaps person pick
piece pig pin pink pipe place plain plane plant plate please plenty pocket point poison police polite pool poor popular
position possible pot potato pour power present press pretty price prince print prison private prize problem promise
proper proud prove pull punish pupil push put queen quick quiet quite radio rain raise reach read ready real reason
receive record refuse remain remember rent repair repeat reply report rest result return rice rich ride ring rise road
rob rock roof room root rope rough round row rub rude ruin rule run rush sad safe sail salt same sand save say scale
scene science scissors search seat second see seed seem sell send sentence serve set several shade shadow shake shape
share sharp she sheep sheet shelf shine ship shirt shock shoot shop short should shoulder shout show shut side signal
silence silver similar simple since sing single sink sister sit size skill skin skirt sky sleep slip slow small smell
smile smoke snow so soap sock soft soil soldier some son song soon sorry sort sound soup south space speak special
speech speed spell spend spoon sport spread spring square stamp stand star start state station stay steal steam steel
step still stomach stone storm story strange street strong student study stupid subject success such sudden suffer sugar
suit summer supply sure surprise sweet swim sword system tail take talk tall taste tax taxi teach team tear tell
tennis tent than that the theater their them these thick thief thin thing think thirsty this though threat through throw
thumb ticket tidy tie tight tiny tired title toe together tonight tool tooth top total touch tour towards tower town toy
track trade train travel treat trip trouble true trust try turn twice type ugly uncle under understand unit until use
useful usual valley value vegetable very village violence visit voice vote wage walk wall want war warm wash waste watch
way we weak wear wedding week weight well west wet wheel where which while whisper who whole why wide wife wild will
win wind wine wing winter wire wise wish with without woman wonder wood word work world worry worse would wound write
wrong yard year yet you young your zone
""".split()  # noqa: SIM905  words read best as words

# Common words in other languages: so that those of a language that nobody recorded are refused as well. No digit, and
# nothing that sounds like an English one (nein).
FOREIGN_WORDS = {
    "ca": """
abans aigua aire alegria ales amic amor any arbre avui blanc blau boca bon bosc bé cadira camí cap carrer casa
cavall cel cent ciutat clau color cor cosa cuina demà dia diners dissabte dona dormir dotze escola esglèsia estiu
estrella família feliç festa fill finestra flor foc font fosc fruita gat gent germà gos gran groc gràcies guerra
hivern home hora hort illa jardí joc jove llengua llet lletra llibre llum lluna lluny mai mar mare mati menjar
mercat mes muntanya mà món nen neu nit nom núvol ocell ombra onze ovella pa paraula pare pau pedra peix petit peu
platja pluja poble poma porta pregunta primavera riu roba roig sal sang sempre senyor sol somni sopa sovint tarda
tardor taula temps terra tren trist vell vent verd vermell veu vi vida vila xocolata
""",
    "cs": """
ahoj auto barva bratr bílý březen cesta chlapec chleba cukr dcera den deska dlouhý dnes dobrý dobře doma dopis
dvanáct dveře dítě dům film hlava hodina hora hrad hvězda jablko jaro jaso jedenáct jezero jídlo kniha kolo kostel
kočka král krásný kuchyně květina kámen křeslo les list louka loď láska lékař léto maso mléko most moře muž město
měsíc nebe noc noha nový nádraží obchod oheň okno oko otec ovoce papír pes pivo podzim pole pondělí pozdě pošta
prosím práce pták rodina rok ruka ráno sestra silnice slovo slunce smích sníh sobota srdce stará strom stěna stůl
světlo syn teplo tráva táta ucho ulice vejce velký večer vlak vlasy voda víno vítr včera zahrada zelený země zima
zvíře zítra čas černý červený člověk řeka škola šťastný žena život žlutý
""",
    "de": """
abend aber alle anfang antwort apfel arbeit arm auge auto baum berg bett bild blau blume brief brot bruder brücke
buch danke dorf dunkel durst elf ende erde essen fahren familie farbe feld fenster feuer fisch flasche frau freund
frieden früh fuß garten geben geld genau gestern glas glück grün gut haar hand haus heiß herz heute hilfe himmel
hund hunger immer jahr jung kalt katze kind kirche kleid klein kopf kuchen kurz küche lachen land lang laufen leben
leicht licht lieben luft löffel mann meer mensch messer milch mittag monat montag morgen mund mutter mädchen nacht
name nase oben onkel papier pferd platz preis regen reise richtig rot ruhe salz schiff schlaf schlüssel schnee
schule schwarz schwester schön sehen sommer sonne spiel sprache stadt stein stern straße stuhl stunde suchen tag
tasche tisch tochter tür uhr vater vogel wagen wald warum wasser weg weiß welt wetter wind winter woche wolke wort
zahn zeit ziel zug zwölf
""",
    "es": """
adiós agua ahora amigo azul año bien blanco boca bueno cabeza calle cama campo casa cien ciudad cocina comer corazón
cosa cuando cuerpo dinero doce dormir día escuela favor feliz fuego gato gente gracias grande guerra hablar hermano
hijo hola hombre hora iglesia jardín juego jueves leche lejos libro llave lluvia luna lunes madre mano mañana mesa
mujer mundo niño noche nombre nunca ojo once padre palabra pan parte pequeño perro pie playa pregunta puerta queso
rojo ropa sangre señor siempre silla sol sombra sueño tarde tiempo tierra trabajo verde vida viejo viento vino
zapato árbol
""",
    "fi": """
aamu aika aina ala asema aurinko auto avain elokuva ensi hattu hedelmä hevonen hiha hotelli huone hyvä ihminen ilma
ilta iso isä jalka joki joulu juna juoda järvi kahvi kala kaunis kaupunki keittiö kello kengät kesä kettu kevät
kiitos kirja kirje kissa koira koti koulu kukka kuningas kuu kylmä kynä kysymys käsi lapsi lasi lehti leipä lintu
lohi luento lumi lääkäri maa maito makea matka meri metsä mies musta muurahainen naapuri nainen nimi nuori nyt oikea
olut omena ovi paikka paita paperi peruna pieni pilvi poika pouta puhelin puu pyörä päivä pää pöytä raha ranta ruoka
saari sade sana sauna sieni silmä sininen sisko sokeri suuri sydän syksy taivas talo talvi tie tuli tunti tuoli
tuuli tyttö työ uusi vanha vasen vesi vihreä viikko viini voi vuori vuosi ystävä yö äiti
""",
    "fr": """
aimer ami année arbre argent beau blanc bleu bonjour bouche bras cent chambre chanson chat cheval chien chose ciel
clé comment corps coucher cuisine cœur demain demander dernier dimanche dormir douze eau enfant enfin ensemble
facile famille femme fenêtre feu fille fleur forêt fromage frère garçon gauche grand guerre heure heureux histoire
hiver homme jamais jardin jeune joli jour lait langue lettre livre loin lumière lundi lune main maintenant maison
manger matin merci monde montagne mort mère nuage nuit oiseau ombre onze pain petit peur pierre pluie pomme pont
porte père rouge rue semaine soir soleil souvent table temps terre toujours travail verre vert vie ville vin voix
école église été œil
""",
    "it": """
acqua albero allora amico amore anno aria arrivare azzurro bambino bello bianco bocca bosco buono caldo camera cane
cappello casa cavallo cena cento chiave chiesa cielo città colore corpo cosa cucina cuore dodici domani domenica
donna dormire estate fame famiglia felice festa figlio finestra fiore fiume foglia forse fratello freddo fuoco gatto
gente giardino giorno giovane grande grazie guerra inverno isola latte lavoro leggere letto libro lingua lontano
luce luna madre mangiare mano mare mattina mercato mese mondo montagna nome notte nuvola occhio oggi ombra ora padre
pane parola piazza piccolo piede pioggia porta prima quando ragazzo rosso scuola sedia sempre sera sogno sole
sorella strada tavola tempo terra undici vecchio vento verde vino vita voce
""",
}
