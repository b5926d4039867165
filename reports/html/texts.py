"""Every sentence of the page, by the name under which templates ask for it; French is the key of the catalogues."""

from __future__ import annotations

from r2s_audit.model.text import Message, msg

TEXTS: dict[str, Message] = {
    # Head
    "report": msg("Rapport d'audit du Réseau Smart"),
    "simulation": msg("simulation – barème hypothétique"),
    "simulation_why": msg(
        "Des points, des prérequis ou des pondérations de ce profil sont nos hypothèses : le document public du label "
        "ne les donne pas. Les constats restent des mesures ; les points et le niveau sont une simulation, jusqu'à ce "
        "que le certificateur fournisse son barème."
    ),
    "contents": msg("Contenu"),
    "building": msg("Bâtiment"),
    "address": msg("Adresse"),
    "dossier": msg("Dossier"),
    "stage": msg("Stade"),
    "target_level": msg("Niveau visé"),
    "framework": msg("Cadre de référence"),
    "judgement_date": msg("Date du jugement"),
    "program": msg("Programme"),
    "program_version": msg("r2s-audit {version}"),
    "not_given": msg("non renseigné"),
    "parties": msg("Parties"),
    "no_parties": msg("Le fichier de site ne nomme aucune partie."),
    "mandate": msg("Mandat"),
    "no_mandate": msg("Le fichier de site ne contient pas de mandat écrit. Aucun essai intrusif n'est alors permis."),
    "mandate_text": msg("{reference}, signé par {signed_by}, valable du {valid_from} au {valid_until}"),
    "mandate_intrusive": msg("Essais intrusifs permis : {checks}"),
    "mandate_no_intrusive": msg("Aucun essai intrusif permis."),
    # Summary
    "summary": msg("L'essentiel"),
    "points_total": msg("Points"),
    "points_unreadable": msg("points illisibles dans le document : {worst}, {best}, {maximum}"),
    "level": msg("Niveau"),
    "prerequisites": msg("Prérequis"),
    "prerequisites_text": msg(
        "établis : {met} ; encore possibles : {possible} ; en tout : {total} ; hors de portée de la sonde : {outside}"
    ),
    "cells": msg("Cellules"),
    "cells_text": msg("prévues : {planned} ; rapportées : {reported}"),
    "internal_errors": msg(
        "Contrôles ou mesures en erreur interne : {count}. C'est une faute de ce programme ; les cellules touchées sont "
        "non vérifiées et leurs traces sont au dossier de preuves."
    ),
    "bar_unreadable": msg("{theme} : points illisibles"),
    "themes": msg("Par thème"),
    "themes_lead": msg(
        "Chaque barre va de 0 à 100 % des points du thème. Plein : acquis, quoi qu'il advienne. Hachuré : encore "
        "possible, selon ce qui reste à vérifier. Vide : perdu."
    ),
    "themes_none": msg("Le document ne porte aucun thème."),
    "bar_text": msg("{theme} : {certain} % acquis, {possible} % possibles"),
    "bar_value": msg("{certain} % acquis – {possible} % possibles"),
    "bar_settled": msg("{certain} %"),
    "bar_scopes": msg("logement : {logement} · bâtiment : {batiment}"),
    "bar_range": msg("{worst} à {best} sur {maximum}"),
    "bar_fixed": msg("{worst} sur {maximum}"),
    "all_themes": msg("Ensemble"),
    "legend": msg("Légende"),
    "legend_certain": msg("acquis"),
    "legend_possible": msg("encore possible"),
    "legend_lost": msg("perdu"),
    "level_mark": msg("seuil de {level}"),
    # Verdicts
    "overview": msg("Verdicts"),
    "overview_lead": msg(
        "Les bornes disent ce que des preuves complètes pourraient encore donner, au pire et au mieux. Un verdict dont "
        "les bornes se rejoignent est établi."
    ),
    "requirement": msg("Exigence"),
    "verdict": msg("Verdict"),
    "bounds": msg("Au pire – au mieux"),
    "settled": msg("établi"),
    "prerequisite": msg("prérequis"),
    "outside": msg("hors sonde"),
    "outside_list": msg("Hors de portée de la sonde dans ce thème"),
    "details": msg("Exigence par exigence"),
    "details_lead": msg(
        "Les constats qui empêchent une exigence d'être atteinte sont écrits ici ; les constats conformes et les critères "
        "sans mesure sont dans les volets. Un volet ouvert s'imprime ouvert."
    ),
    "function_is": msg("Fonction : {function}"),
    "points_scopes": msg("points : logement {logement} · bâtiment {batiment}"),
    "between": msg("entre {worst} et {best}"),
    "source": msg("Source"),
    "source_is": msg("Source : {source}"),
    "source_named": msg("{source} : {reference}"),
    "check_is": msg("Contrôle {check}"),
    "source_unknown": msg("source non connue de ce document"),
    "expected": msg("Attendu"),
    "measured": msg("Mesuré"),
    "evidence": msg("Preuves"),
    "no_evidence": msg("aucune observation"),
    "more_evidence": msg("et {count} autres"),
    "trace": msg("Trace de l'erreur interne"),
    "findings_folded": msg("Autres constats listés : {count}"),
    "findings_good": msg("Constats conformes : {count}"),
    "findings_unlisted": msg(
        "Constats non listés ici : {count}. Le document JSON de l'audit les donne tous ; aucun n'est omis des comptes."
    ),
    "value_count": msg("{value} : {count}"),
    "cells_count": msg("cellules : {count}"),
    "awaited": msg("Critères sans mesure ({count})"),
    "heading_count": msg("{title} ({count})"),
    "awaited_why": msg("Pourquoi"),
    "criterion": msg("Critère"),
    "no_finding": msg("cellule prévue au plan, sans constat"),
    "no_profile": msg(
        "Le profil de cet audit n'accompagne pas le document : les titres et les sources de certains critères manquent."
    ),
    # Matrix
    "matrix": msg("Carte des accès"),
    "matrix_lead": msg(
        "Chaque case réunit les constats faits d'un point de mesure vers une cible, et montre le pire. Conforme veut "
        "dire : fermé comme le site le déclare, ou ouvert comme il le déclare."
    ),
    "matrix_none": msg("Aucun constat de filtrage entre un point de mesure et une cible dans cet audit."),
    "matrix_by_check": msg("Le même, contrôle par contrôle"),
    "target": msg("Cible"),
    "from_point": msg("depuis {point}"),
    "cell_count": msg("{some} sur {count}"),
    "matrix_untested": msg("rien de prévu de ce point vers cette cible"),
    "matrix_cut": msg("Cibles non montrées ici : {count}, parmi les moins graves. Le document JSON les donne."),
    "matrix_points_cut": msg("Points de mesure non montrés ici : {count}. Le document JSON les donne."),
    "zone": msg("Zone : {zone}"),
    "zone_unknown": msg("Zone non connue de ce document"),
    "zones": msg("De zone à zone"),
    "zones_lead": msg(
        "Une ligne est la zone depuis laquelle on a mesuré, une colonne celle que l'on a tenté d'atteindre, sous le même "
        "numéro. La case montre le pire de leurs constats."
    ),
    "zones_from": msg("Depuis"),
    "zones_numbered": msg("{number} {zone}"),
    "zones_cut": msg("Zones non montrées ici : {count}."),
    "zones_pair": msg("de {source} vers {target} : {state}"),
    "matrix_targets": msg("Cible par cible"),
    # Network
    "topology": msg("Le réseau, déclaré et retrouvé"),
    "topology_none": msg(
        "Ce document ne porte pas de plan du réseau, ou le site ne déclare ni commutateur ni routeur."
    ),
    "topology_lead": msg(
        "Commutateurs et routeurs, du cœur vers les accès : ce que le fichier de site déclare, ce que les voisins LLDP et "
        "les tables d'adresses montrent. Le plan dit ce qui a été vu ; les verdicts viennent des constats seuls."
    ),
    "topology_read": msg("Tables de voisins lues jusqu'au bout : {read} sur {equipment} équipements déclarés."),
    "topology_reading": msg(
        "Sous chaque nom : le port en amont, le port de l'équipement, « + » les liaisons parallèles, et les appareils "
        "déclarés que ses ports ont appris."
    ),
    "topology_loops": msg("Paires d'équipements reliées hors de l'arbre, dites dans la liste : {count}."),
    "topology_stations": msg("appareils : {count}"),
    "topology_others": msg("Appareils et prises de mesure que rien ne montre à leur place"),
    "topology_cables": msg("Liaisons"),
    "topology_from": msg("De"),
    "topology_to": msg("Vers"),
    "topology_one_end": msg("(un seul bout l'annonce)"),
    "topology_seen_on": msg("(vu sur le port {port})"),
    "topology_cut": msg("Éléments non montrés ici : {count}. Le document JSON les donne tous."),
    # Deviations
    "gaps": msg("Écarts constatés"),
    "gaps_lead": msg(
        "Ce que les mesures établissent contre l'attendu, regroupé par contrôle : par où commencer. Le détail est sous "
        "chaque exigence."
    ),
    "gaps_none": msg("Aucun constat non conforme ni partiel. Cela ne dit rien de ce qui n'a pas été évalué."),
    "gap": msg("Écart"),
    "gap_where": msg("Où"),
    "gap_targets": msg("cibles : {targets}"),
    "gap_points": msg("depuis : {points}"),
    "gap_example": msg("{subject} : {measured} (attendu : {expected})"),
    "gap_more": msg("Contrôles en écart non montrés ici : {count}."),
    # Not evaluated
    "open": msg("Ce qui n'a pas été évalué, et pourquoi"),
    "open_lead": msg(
        "Ne pas savoir n'est ni un succès ni un échec. Chaque ligne élargit les bornes des verdicts qu'elle touche."
    ),
    "open_none": msg("Tout ce que le plan prévoyait a été évalué."),
    "open_outside": msg("Hors de portée d'une sonde réseau"),
    "open_outside_why": msg(
        "Ces exigences s'établissent par des pièces, des plans ou des contrats, non par une mesure sur le réseau."
    ),
    "open_awaited": msg("Aucune sonde de cette version ne le mesure"),
    "open_awaited_why": msg(
        "Ces critères font partie du cadre ; la mesure qui les établirait n'existe pas encore ici."
    ),
    "open_failed": msg("Prévu, tenté ou attendu, mais non établi"),
    "open_failed_why": msg("Le contrôle existe et le plan le prévoyait ; les preuves nécessaires manquent."),
    "open_reason": msg("Motif"),
    "open_count": msg("Nombre"),
    "open_example": msg("Par exemple : {subject}"),
    "open_more": msg("Motifs non montrés ici : {count}. Le document JSON les donne tous."),
    # Passes
    "passes": msg("Passes et moyens de mesure"),
    "passes_lead": msg("Toutes les passes sont listées, les interrompues et les écartées aussi, avec leur motif."),
    "passes_none": msg("Aucune passe : rien n'a été mesuré."),
    "passes_cut": msg("Passes non montrées ici : {count}. Le document JSON les donne toutes."),
    "pass": msg("Passe"),
    "period": msg("Ouverte – fermée (UTC)"),
    "never_closed": msg("jamais fermée"),
    "points_of_pass": msg("Points de mesure"),
    "observations": msg("Observations"),
    "observations_text": msg("{count}, dont {failed} sans résultat"),
    "frames": msg("Trames émises"),
    "machine": msg("Machine"),
    "machine_text": msg("{hostname}, noyau {kernel}, Python {python}, r2s-audit {program}"),
    "operator": msg("Opérateur"),
    "interfaces": msg("Interfaces"),
    "reason": msg("Motif"),
    # Sources
    "sources": msg("Source de chaque critère"),
    "sources_lead": msg(
        "Le document du label ne donne pas de critère de réussite : que tel contrôle établisse telle exigence est "
        "toujours notre lecture. La source dit d'où vient l'attendu."
    ),
    "sources_count": msg("document du label : {seed} ; norme ou guide : {standard} ; hypothèse : {hypothesis}"),
    "thresholds": msg("Seuils"),
    "thresholds_count": msg("Seuils : {count}"),
    "threshold": msg("{name} = {value} ({source})"),
    "threshold_referenced": msg("{name} = {value} ({source} : {reference})"),
    "sources_none": msg("Ni le profil ni les constats ne donnent de source de critère."),
    # Evidence
    "proofs": msg("Observations citées"),
    "proofs_lead": msg(
        "Chaque observation est une ligne du registre chaîné, sous cet identifiant ; ses octets sont au dossier sous "
        "leur empreinte."
    ),
    "proofs_absent": msg(
        "Le dossier de preuves n'accompagnait pas ce document : les identifiants cités plus haut y sont à chercher."
    ),
    "proofs_others": msg("Observations sur lesquelles reposent les constats conformes : {count}"),
    "proofs_cut": msg("Observations citées et non montrées ici : {count}. Le dossier de preuves les contient toutes."),
    "completed": msg("aboutie"),
    "failed": msg("sans résultat : {failure}"),
    "facts": msg("Faits"),
    "facts_cut": msg("Faits coupés ici ; le dossier les contient en entier ({count} caractères)."),
    "frames_of": msg("trames : {count}"),
    "redacted": msg("empreinte des octets caviardés"),
    # Integrity
    "integrity": msg("Empreintes"),
    "integrity_lead": msg(
        "Ces empreintes lient le rapport à ce qui a été mesuré : un autre dossier, un autre profil ou une ligne retirée "
        "du registre en donnent d'autres."
    ),
    "digest_site": msg("Fichier de site"),
    "digest_profile": msg("Profil"),
    "digest_plan": msg("Plan"),
    "digest_ledger": msg("Tête du registre"),
    "ledger_entries": msg("Lignes du registre"),
    "format": msg("Format du document"),
    # Reading
    "reading": msg("Comment lire ce rapport"),
    "glossary": msg("Les mots des verdicts"),
    "g_reached": msg("Toutes les preuves demandées sont là et conformes : l'exigence est établie."),
    "g_partial": msg("Les preuves établissent une partie de l'exigence, et une partie seulement."),
    "g_missed": msg("Une preuve au moins établit que l'exigence n'est pas tenue."),
    "g_open": msg(
        "Les preuves ne suffisent pas pour trancher. Les bornes disent ce qu'elles laissent encore possible."
    ),
    "g_unverified": msg(
        "Un constat qui n'a pas pu être fait : cible muette, témoin absent, droit ou sonde qui manque. Un silence seul "
        "ne prouve rien."
    ),
    "g_none": msg("Le critère n'a pas d'objet ici : déclaré dans le fichier de site, ou montré par une observation."),
    "g_settled": msg("Points que rien ne peut plus reprendre, et points que des preuves complètes donneraient encore."),
    "interval": msg("acquis, possible"),
    "may": msg("Ce que l'on peut conclure"),
    "may_1": msg("Ce qui est constaté l'a été depuis les points de mesure listés, aux dates listées, et pas ailleurs."),
    "may_2": msg("Chaque verdict se remonte jusqu'aux observations, et de là aux octets, par leur empreinte."),
    "may_3": msg("Le même dossier, le même profil et la même date redonnent le même verdict, sans retour sur place."),
    "may_not": msg("Ce que l'on ne peut pas conclure"),
    "may_not_1": msg(
        "Que le label est accordé ou refusé : qui mesure n'est pas qui décide. L'organisme de label décide."
    ),
    "may_not_2": msg("Qu'une exigence non évaluée est tenue, ou qu'elle ne l'est pas."),
    "may_not_3": msg("Que le bâtiment est sûr : un audit voit ce qu'il cherche, au moment où il le cherche."),
    # Label: what goes with the score
    "label": msg("Le label"),
    "label_lead": msg(
        "Ce que la mesure n'établit pas seule : ce qui est déclaré, ce qui est accepté en l'état, ce que les constats "
        "corroborent, les services, et le chemin le plus court vers un niveau. Rien ici ne change un verdict mesuré."
    ),
    "declared_as": msg("déclaré : {state}"),
    "waived": msg("dérogation"),
    "declared_reading": msg("déclarations comprises (exigences déclarées : {count})"),
    "overlay": msg("Barème : {title}, {issuer}"),
    "overlay_where": msg("{document}, du {dated}, version {version} ; chiffres donnés : {count}"),
    "evolution": msg("Suivi de l'évolution du projet jusque sa réception"),
    "evolution_axis": msg(
        "« Services opérationnels » n'a pas de barème dans le document du label : sa barre est la part des services du "
        "catalogue déclarés avec preuve, une hypothèse."
    ),
    "hypothesis_mark": msg("(hypothèse)"),
    "legend_measured": msg("acquis par la mesure"),
    "legend_declared": msg("acquis par déclaration"),
    "claims": msg("Déclarations"),
    "claims_none": msg("Aucune déclaration n'a été donnée."),
    "claim_target": msg("Ce qui est déclaré"),
    "claim_who": msg("Par qui, quand, pourquoi"),
    "claim_outcome": msg("Suite donnée"),
    "claim_state": msg("État"),
    "claim_signed": msg("{author}, le {dated}, jusqu'au {expires}"),
    "waivers": msg("Dérogations"),
    "waivers_lead": msg(
        "Un écart connu, accepté par quelqu'un jusqu'à une date. Le verdict, les points et le niveau n'en changent pas."
    ),
    "corroborations": msg("Corroborations"),
    "corroborations_lead": msg(
        "Des constats qui éclairent une exigence qu'aucune mesure n'établit. Ils ne donnent jamais de points : "
        "l'organisme de label décide."
    ),
    "corroborated_by": msg("Ce qui a été observé"),
    "corroboration_counts": msg("conformes : {good} ; partiels : {part} ; non conformes : {bad}"),
    "services": msg("Services"),
    "services_lead": msg(
        "Un service compte ici quand il est déclaré avec une pièce à l'appui. L'audit peut le corroborer ; il ne "
        "l'attribue pas. Les points sont ceux de la famille entière."
    ),
    "family": msg("Famille"),
    "family_points": msg("Points de la famille"),
    "services_declared": msg("Déclarés"),
    "service": msg("Service"),
    "service_text": msg("Objectif et description, du document du label"),
    "service_silent": msg("le document du label n'en donne que le titre"),
    "vignette": msg("Vignette"),
    "vignette_reading": msg("seuil {threshold} ({reading})"),
    "whatif": msg("Vers le niveau supérieur"),
    "whatif_lead": msg(
        "Le moindre effort vers chaque niveau, calculé exactement sur toutes les exigences. Les efforts sont des "
        "hypothèses du profil, pas des chiffres du label."
    ),
    "whatif_level": msg("{level} : {effort} {unit}, pour {points} points acquis"),
    "whatif_to": msg("À porter à"),
    "whatif_how": msg("Comment"),
    "whatif_show": msg("à établir : la mesure ne l'exclut pas"),
    "whatif_mend": msg("à corriger"),
    "whatif_effort": msg("Effort"),
    "whatif_points": msg("+{points}"),
    # Signature
    "signature": msg("Visa"),
    "signature_lead": msg(
        "Le visa porte sur les mesures et leur lecture. La décision appartient à l'organisme de label."
    ),
    "sign_auditor": msg("L'auditeur"),
    "sign_owner": msg("Le maître d'ouvrage"),
    "sign_line": msg("Nom, date, signature"),
    # Page foot (style sheet)
    "foot": msg("Qui mesure n'est pas qui décide : l'organisme de label décide."),
}
